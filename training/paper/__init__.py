"""The paper, reproduced: its corpora, its models, its tables and figures, and what became of what it found."""
