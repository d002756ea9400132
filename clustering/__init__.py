"""From footage to people: detect, align, embed, cluster, and write the dataset."""
