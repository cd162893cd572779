"""What other programs do over the link.

They play notes, watch the meter and the live picture, ask about the machine and the page, and change settings.
"""
