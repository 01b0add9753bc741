INSERT INTO audit
  (seq, at_ms, actor, role, via, device, kind, id, action, new, why, prev_hash, hash, log_index)
  VALUES (1, 1000, 'root', '', 'cli', '', 'region', '510502', 'put', '{"name_zh":"江阳区"}', '初始', x'00', x'01', 7);

INSERT INTO region (id, name_zh, level, valid_from_ms, changed_by)
  VALUES ('510502', '江阳区', 'county', 1000, 1);

INSERT INTO organisation
  (id, name_zh, name_en, subject_class, region, valid_from_ms, changed_by,
   org_path, authority_path, region_code, subject_class_of)
  VALUES ('chs', '春和堂', 'CHS', 'chain_head', '510502', 1000, 1, 'chs', '', '510502', 'chain_head');

INSERT INTO site
  (id, organisation, region, subject_class, name_zh, name_en, timezone, area_m2, valid_from_ms, changed_by,
   org_path, authority_path, region_code, subject_class_of)
  VALUES ('chs-001', 'chs', '510502', 'retail', '人民路店', 'Renmin Road', 'Asia/Shanghai', 301.5, 1000, 1,
   'chs', '', '510502', 'retail');

INSERT INTO gateway
  (id, site, heartbeat_s, state, valid_from_ms, valid_to_ms, changed_by,
   org_path, authority_path, region_code, subject_class_of)
  VALUES ('gw-1x', 'chs-001', 30, 'ordered', 1000, 2000, 1, 'chs', '', '510502', 'retail'),
         ('gw-1x', 'chs-001', 60, 'claimed', 2000, NULL, 1, 'chs', '', '510502', 'retail');

INSERT INTO point
  (id, site, gateway, channel, name_zh, name_en, quantity, unit, point_class, rule_packs, state,
   valid_from_ms, changed_by, org_path, authority_path, region_code, subject_class_of)
  VALUES ('p1', 'chs-001', 'gw-1x', 1, '温度', 'T', 'temperature', 'Cel', 'compliance', '["CN_COLD_2_8"]',
   'planned', 2000, 1, 'chs', '', '510502', 'retail');
