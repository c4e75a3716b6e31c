"""Every kill point, on every store, in every strategy; and kills nobody has chosen."""
