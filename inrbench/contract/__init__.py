"""What a plugin must keep to, checked one thing at a time, with advice."""
