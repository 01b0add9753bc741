"""What makes an observation provable: batch, envelope, chain, segment log, Merkle log, receipt."""
