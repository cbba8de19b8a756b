"""Families of networks, one module each: it declares its family and registers with timm what timm lacks of it."""
