"""Looking at one scene from anywhere: interactive, or one picture; networks are unknown here."""
