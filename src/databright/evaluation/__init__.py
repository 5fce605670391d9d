"""What a proposal is worth and what is wrong with it: a pure library over arrays.

It knows no chain, no store and no training library: rows and a train callable come in, frozen
figures go out, equal to the last bit on every machine that was handed the same logits.
"""
