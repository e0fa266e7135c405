"""A page to look at and listen to a few items of a recipe, stage by stage."""
