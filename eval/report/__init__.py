"""The report page: tables, plots, spectrograms and players in one file."""
