"""Connect: Salesforce B2C Commerce (SFCC)."""
