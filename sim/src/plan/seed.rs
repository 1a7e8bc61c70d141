/// Seed `index` under a base seed: the splitmix64 sequence, so that neighbours have nothing in common.
pub fn derive_seed(base: u64, index: u64) -> u64 {
    let mut bits = base.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
