"""What a simulated shop sends: REST-shaped bodies, signatures, deliveries and their retries."""
