"""The assets, thin: each hands a layer's work to the package that owns it."""
