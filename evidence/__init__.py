"""What makes an observation provable: batch, chain, segment log, Merkle log, receipt."""
