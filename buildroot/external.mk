include $(sort $(wildcard $(BR2_EXTERNAL_COREXDP_PATH)/package/*/*.mk))
