"""What other programs play and watch over the link: notes, the meter, the live picture, the box and the page."""
