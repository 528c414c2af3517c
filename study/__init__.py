"""What is asked, declared before there are results: the study, the catalogue of metrics, the interim analyses.

Everybody may import it; it imports nobody but itself.
"""
