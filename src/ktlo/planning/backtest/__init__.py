"""How far to trust a forecast: what each rule would have said in the past, against what then happened."""
