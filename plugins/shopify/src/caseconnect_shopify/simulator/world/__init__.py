"""What a simulated shop holds and how it changes: orders, customers, goods, money, search, the ledger of effects."""
