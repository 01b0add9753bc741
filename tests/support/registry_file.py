"""A small, correct registry for tests, as text and as the loaded object."""

from evidence.keys import SoftwareKey

GATEWAY_KEY = SoftwareKey(-19, bytes(range(32)))
OTHER_KEY = SoftwareKey(-19, bytes(range(1, 33)))

REGISTRY = f"""\
[[tenant]]
id = "chs"
name_zh = "春和堂药房"
name_en = "Chunhetang Pharmacy"

[[site]]
id = "chs-001"
tenant = "chs"
name_zh = "人民路店"
name_en = "Renmin Road"
timezone = "Asia/Shanghai"

[[gateway]]
id = "gw-chs-001"
site = "chs-001"
keys = ["{GATEWAY_KEY.public.to_text()}"]
heartbeat_s = 30

[[gateway]]
id = "gw-chs-002"
site = "chs-001"
keys = ["{OTHER_KEY.public.to_text()}"]

[[point]]
id = "fridge-1-t"
site = "chs-001"
gateway = "gw-chs-001"
channel = 1
name_zh = "1 号冰箱 温度"
name_en = "Fridge 1 temperature"
quantity = "temperature"
rule_pack = "CN_COLD_2_8"

[[point]]
id = "fridge-1-compressor"
site = "chs-001"
gateway = "gw-chs-001"
channel = 2
name_zh = "1 号冰箱 压缩机"
name_en = "Fridge 1 compressor"
quantity = "state"
class = "equipment"
"""
