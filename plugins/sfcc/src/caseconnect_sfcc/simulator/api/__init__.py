"""The two API families over the world: SCAPI Admin and OCAPI (Data and Shop)."""
