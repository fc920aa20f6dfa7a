/** Outputs of vendors' tools, as machines of their users print them; serial numbers and UUIDs are made up. */

/** Two cards of a workstation; driver 580. */
export const NVIDIA_TWO = `0, GPU-00000000-0000-0000-0000-000000000001, 580.126.09, 16384, 5, 0, 40, 41.27, Tesla V100-SXM2-16GB
1, GPU-00000000-0000-0000-0000-000000000002, 580.126.09, 16384, 5120, 97, 71, 243.10, Tesla V100-SXM2-16GB
`
export const NVIDIA_TWO_PROCESSES = `GPU-00000000-0000-0000-0000-000000000002, 114687, 5014
GPU-00000000-0000-0000-0000-000000000002, 114702, [N/A]
`
/** A laptop's card, which tells no power. */
export const NVIDIA_LAPTOP = `0, GPU-00000000-0000-0000-0000-000000000001, 535.183.01, 4096, 9, 0, 46, [N/A], NVIDIA GeForce GTX 1650
`
/** An old card: its driver wrote the words out. */
export const NVIDIA_OLD = `0, GPU-00000000-0000-0000-0000-000000000001, 390.157, 2002, 312, [Not Supported], 52, [Not Supported], GeForce GT 710
`
/** Cut into MIG slices: the whole has no utilization. */
export const NVIDIA_MIG = `0, GPU-00000000-0000-0000-0000-000000000001, 570.124.06, 81559, 36537, [N/A], 33, 87.02, NVIDIA H100 PCIe
`
/** A container that got one slice, and may not look at the whole. */
export const NVIDIA_FORBIDDEN = `0, GPU-00000000-0000-0000-0000-000000000001, 570.124.06, [Insufficient Permissions], [Insufficient Permissions], [N/A], 31, 62.80, NVIDIA A100-SXM4-40GB
`
/** DGX Spark: chip and machine share their memory, of which only processes tell. */
export const NVIDIA_SPARK = `0, GPU-00000000-0000-0000-0000-000000000001, 580.95.05, [N/A], [N/A], 3, 41, 11.42, NVIDIA GB10
`
export const NVIDIA_SPARK_PROCESSES = `GPU-00000000-0000-0000-0000-000000000001, 114687, 19135
`
/** With the decimal comma of the system's language, and Windows' line ends. */
export const NVIDIA_COMMA =
  '0, GPU-00000000-0000-0000-0000-000000000001, 552.22, 24564, 1203, 12, 38, 63,15, NVIDIA GeForce RTX 4090\r\n'
/** One of two cards fell off the bus; the tool ends with 15. */
export const NVIDIA_LOST = `0, GPU-00000000-0000-0000-0000-000000000001, 550.54.15, 24576, 18, 0, 35, 21.03, NVIDIA GeForce RTX 3090
Unable to determine the device handle for GPU0000:0B:00.0: Unknown Error
`
export const NVIDIA_NO_DRIVER =
  "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n"

export const ROCM_SMI_TWO = `WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status

{"card0": {"Temperature (Sensor edge) (C)": "36.0", "Temperature (Sensor junction) (C)": "41.0", "Average Graphics Package Power (W)": "128.0", "GPU use (%)": "100", "VRAM Total Memory (B)": "21458059264", "VRAM Total Used Memory (B)": "27856896", "Card Series": "Radeon RX 7900 XT", "Card Model": "0x744c", "Card Vendor": "Advanced Micro Devices, Inc. [AMD/ATI]", "Card SKU": "D70401XT", "PCI Bus": "0000:03:00.0"}, "card1": {"Temperature (Sensor edge) (C)": "31.0", "Current Socket Graphics Package Power (W)": "7.222", "GPU use (%)": "19", "VRAM Total Memory (B)": "536870912", "VRAM Total Used Memory (B)": "467079168", "Device Name": "Phoenix3", "Card series": "N/A", "Card model": "0x1900", "PCI Bus": "0000:C4:00.0"}, "system": {"Driver version": "6.10.5"}}
`
const AMD_SMI_CARD = `{"gpu": 0, "asic": {"market_name": "AMD Instinct MI350X", "vendor_id": "0x1002", "device_id": "0x75a0", "target_graphics_version": "gfx950"}, "bus": {"bdf": "0000:05:00.0", "max_pcie_width": 16}, "driver": {"name": "amdgpu", "version": "6.18.3"}, "vram": {"type": "HBM3E", "vendor": "HYNIX", "size": {"value": 294896, "unit": "MB"}, "bit_width": 8192}}`
export const AMD_SMI_6 = `[${AMD_SMI_CARD}]`
export const AMD_SMI_7 = `{"gpu_data": [${AMD_SMI_CARD}, {"gpu": 1, "asic": {"market_name": "N/A"}, "bus": {"bdf": "N/A"}, "driver": {"name": "amdgpu", "version": "N/A"}, "vram": "N/A"}]}`

export const PROFILER_M1 = `{
  "SPDisplaysDataType" : [
    {
      "_name" : "Apple M1 Pro",
      "spdisplays_mtlgpufamilysupport" : "spdisplays_metal3",
      "spdisplays_ndrvs" : [
        { "_name" : "Color LCD", "_spdisplays_pixels" : "3024 x 1964", "spdisplays_main" : "spdisplays_yes" }
      ],
      "spdisplays_vendor" : "sppci_vendor_Apple",
      "sppci_bus" : "spdisplays_builtin",
      "sppci_cores" : "16",
      "sppci_device_type" : "spdisplays_gpu",
      "sppci_model" : "Apple M1 Pro"
    }
  ]
}`
export const PROFILER_INTEL_MAC = `{"SPDisplaysDataType":[
  {"_name":"Intel UHD Graphics 630","sppci_model":"Intel UHD Graphics 630","spdisplays_vendor":"Intel","spdisplays_vram_shared":"1536 MB"},
  {"_name":"kHW_AMDRadeonPro5500MItem","sppci_model":"AMD Radeon Pro 5500M","spdisplays_vendor":"sppci_vendor_amd","spdisplays_vram":"4 GB"},
  {"sppci_bus":"spdisplays_pcie_device"}
]}`
export const IOREG_M1 = `+-o AGXAcceleratorG13X  <class AGXAcceleratorG13X, id 0x100000417, registered, matched, active, busy 0 (0 ms), retain 151>
    {
      "IOClass" = "AGXAcceleratorG13X"
      "PerformanceStatistics" = {"In use system memory (driver)"=0,"Alloc system memory"=5190418432,"Tiler Utilization %"=7,"recoveryCount"=0,"lastRecoveryTime"=0,"Renderer Utilization %"=7,"TiledSceneBytes"=1114112,"Device Utilization %"=8,"SplitSceneCount"=0,"Allocated PB Size"=89391104,"In use system memory"=987004928}
      "model" = "Apple M1 Pro"
    }
`
/** An office PC with Windows: systeminformation's controllers. */
export const CONTROLLERS_WINDOWS = `[{"vendor":"Intel Corporation","subVendor":"Dell","model":"Intel(R) UHD Graphics 770","bus":"Onboard","vram":1024,"vramDynamic":true,"driverVersion":"31.0.101.4502"},{"vendor":"Advanced Micro Devices, Inc.","model":"AMD Radeon RX 7600","bus":"PCI","vram":8176,"vramDynamic":false,"driverVersion":"32.0.12033.1030"},{"vendor":"Microsoft","model":"Microsoft Remote Display Adapter","bus":"","vram":null,"vramDynamic":true}]`
