"""The Admin GraphQL API of a simulated shop: schema, validation in Shopify's words, cost, execution."""
