"""Score tracks against labels: IDF1, identity switches, coverage."""
