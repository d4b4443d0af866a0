{
  "targets": [
    {
      "target_name": "twinspan",
      "sources": [
        "addon.cc", "bind_command.cc", "bind_context.cc", "bind_link.cc", "bind_system.cc",
        "command.cc", "context.cc", "aead.cc", "checksum.cc", "segment.cc", "seal.cc", "send.cc",
        "coalesce.cc", "lanes.cc", "link.cc", "probe.cc", "tun.cc", "tun_write.cc", "turns.cc", "udp.cc", "udp_receive.cc", "wait.cc"
      ],
      "defines": ["NAPI_VERSION=8"],
      "cflags!": ["-O2"],
      "cflags": ["-O3", "-g1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fvisibility=hidden"],
      "cflags_cc!": ["-std=gnu++17"],
      "cflags_cc": ["-std=c++20", "-fno-exceptions", "-fno-rtti"]
    }
  ]
}
