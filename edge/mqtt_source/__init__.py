"""Readings from sensors that publish over MQTT: Zigbee2MQTT, Tasmota, Shelly, plain JSON."""
