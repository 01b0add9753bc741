"""What the registry holds, as data: kinds of rows and their fields."""
