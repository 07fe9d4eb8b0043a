"""Contactless cards as chips: what ISO/IEC 14443-3 and the cards' data sheets say they do in the field."""
