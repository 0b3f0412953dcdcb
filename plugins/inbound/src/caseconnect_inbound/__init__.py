"""What no platform keeps, from anywhere; and messages to shoppers."""
