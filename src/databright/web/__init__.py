"""Web: pages rendered on the server from the views, readable without JavaScript."""
