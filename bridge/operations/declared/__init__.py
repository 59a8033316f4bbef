"""Operations as they are declared: the form of a declaration, its reading, and what it becomes."""
