"""Rewards for the trainers that people use. One file a trainer; each only translates.

Inside there is one call, `rlar.adapters.scorer.Scorer.score`: groups in, rewards with parts out, completeness of each
group declared, a deadline, nothing raised. What a missing reward becomes is settled by `policy`, once per trainer.
"""
