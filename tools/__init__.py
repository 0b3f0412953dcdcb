"""What is run on the project itself and is in no distribution."""
