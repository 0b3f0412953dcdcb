"""Rehearsals: the real deciding on past or given events, in a journal of its own. Nothing is sent."""
