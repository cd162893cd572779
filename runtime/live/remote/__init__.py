"""What other programs do over the link: play notes, watch meter and live picture, ask about the box and the page."""
