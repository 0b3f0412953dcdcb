"""The pruned official schema (see NOTICE.md) and the script that makes and checks it."""
