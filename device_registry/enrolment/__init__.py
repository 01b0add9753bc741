"""Taking gateways on and keeping them: claims, certificates, evidence keys."""
