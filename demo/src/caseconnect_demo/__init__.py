"""A shop's day, played against simulators of both platforms: `connect demo`."""
