"""Models of contactless cards, by ISO/IEC 14443-3 and the cards' data sheets."""
