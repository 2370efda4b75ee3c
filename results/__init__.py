"""What is known: papers/ holds what was published, published/ what was measured."""
