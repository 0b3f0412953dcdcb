"""The search language that both API families share, and the index that lags behind the records."""
