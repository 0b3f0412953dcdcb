"""What the daemon serves: webhooks, health, and the local control socket."""
