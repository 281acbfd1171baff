"""The review page: recorded pairs in, one offline page and accept and reject lists out.

It knows no network, no renderer and no trainer.
"""
