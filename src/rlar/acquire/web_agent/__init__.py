"""The web agent: finds reward models on a Hub, fits an adapter to each, proves them, and explains every step."""
