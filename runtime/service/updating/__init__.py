"""Updates that come over the page: signs an archive, and checks and installs a received one as root."""
