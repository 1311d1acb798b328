//! Vector structure loads and stores: which instruction is which. The work is in
//! `simd_structure`.

use crate::field::{VReg, XSp, XZr};
use crate::{Flow, Translator};

// `name post-index-name method count`: whole registers.
macro_rules! multiple {
    ($($name:ident $post:ident $method:ident $count:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rn: XSp, rt: VReg) -> Flow {
            self.$method(q, size, $count, rn, rt)
        }
        pub(crate) fn $post(&mut self, q: bool, rm: XZr, size: u8, rn: XSp, rt: VReg) -> Flow {
            let flow = self.$method(q, size, $count, rn, rt);
            self.post_index(rn, rm, $count * (8 << u8::from(q)), flow)
        }
    )* } };
}
// One lane of each register, by lane size; the lane's number is scattered over Q, S and size.
macro_rules! bytes {
    ($($name:ident $post:ident $method:ident $count:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: u8, s: u8, size: u8, rn: XSp, rt: VReg) -> Flow {
            self.$method(0, q << 3 | s << 2 | size, $count, rn, rt)
        }
        pub(crate) fn $post(&mut self, q: u8, rm: XZr, s: u8, size: u8, rn: XSp, rt: VReg) -> Flow {
            let flow = self.$method(0, q << 3 | s << 2 | size, $count, rn, rt);
            self.post_index(rn, rm, $count, flow)
        }
    )* } };
}
macro_rules! halves {
    ($($name:ident $post:ident $method:ident $count:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: u8, s: u8, size: u8, rn: XSp, rt: VReg) -> Flow {
            self.$method(1, q << 2 | s << 1 | size, $count, rn, rt)
        }
        pub(crate) fn $post(&mut self, q: u8, rm: XZr, s: u8, size: u8, rn: XSp, rt: VReg) -> Flow {
            let flow = self.$method(1, q << 2 | s << 1 | size, $count, rn, rt);
            self.post_index(rn, rm, $count * 2, flow)
        }
    )* } };
}
macro_rules! words {
    ($($name:ident $post:ident $method:ident $count:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: u8, s: u8, rn: XSp, rt: VReg) -> Flow {
            self.$method(2, q << 1 | s, $count, rn, rt)
        }
        pub(crate) fn $post(&mut self, q: u8, rm: XZr, s: u8, rn: XSp, rt: VReg) -> Flow {
            let flow = self.$method(2, q << 1 | s, $count, rn, rt);
            self.post_index(rn, rm, $count * 4, flow)
        }
    )* } };
}
macro_rules! doubles {
    ($($name:ident $post:ident $method:ident $count:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: u8, rn: XSp, rt: VReg) -> Flow {
            self.$method(3, q, $count, rn, rt)
        }
        pub(crate) fn $post(&mut self, q: u8, rm: XZr, rn: XSp, rt: VReg) -> Flow {
            let flow = self.$method(3, q, $count, rn, rt);
            self.post_index(rn, rm, $count * 8, flow)
        }
    )* } };
}
// One element to all lanes.
macro_rules! replicate {
    ($($name:ident $post:ident $count:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, q: bool, size: u8, rn: XSp, rt: VReg) -> Flow {
            self.load_replicated(q, size, $count, rn, rt)
        }
        pub(crate) fn $post(&mut self, q: bool, rm: XZr, size: u8, rn: XSp, rt: VReg) -> Flow {
            let flow = self.load_replicated(q, size, $count, rn, rt);
            self.post_index(rn, rm, $count << size, flow)
        }
    )* } };
}

multiple! {
    ld1_1_multi ld1_1_multi_post load_consecutive 1;
    st1_1_multi st1_1_multi_post store_consecutive 1;
    ld1_2_multi ld1_2_multi_post load_consecutive 2;
    st1_2_multi st1_2_multi_post store_consecutive 2;
    ld1_3_multi ld1_3_multi_post load_consecutive 3;
    st1_3_multi st1_3_multi_post store_consecutive 3;
    ld1_4_multi ld1_4_multi_post load_consecutive 4;
    st1_4_multi st1_4_multi_post store_consecutive 4;
    ld2_multi ld2_multi_post load_pairs 2;
    st2_multi st2_multi_post store_pairs 2;
    ld3_multi ld3_multi_post load_triples 3;
    st3_multi st3_multi_post store_triples 3;
    ld4_multi ld4_multi_post load_quads 4;
    st4_multi st4_multi_post store_quads 4;
}
bytes! {
    ld1_b_single ld1_b_single_post load_lane 1;
    st1_b_single st1_b_single_post store_lane 1;
    ld2_b_single ld2_b_single_post load_lane 2;
    st2_b_single st2_b_single_post store_lane 2;
    ld3_b_single ld3_b_single_post load_lane 3;
    st3_b_single st3_b_single_post store_lane 3;
    ld4_b_single ld4_b_single_post load_lane 4;
    st4_b_single st4_b_single_post store_lane 4;
}
halves! {
    ld1_h_single ld1_h_single_post load_lane 1;
    st1_h_single st1_h_single_post store_lane 1;
    ld2_h_single ld2_h_single_post load_lane 2;
    st2_h_single st2_h_single_post store_lane 2;
    ld3_h_single ld3_h_single_post load_lane 3;
    st3_h_single st3_h_single_post store_lane 3;
    ld4_h_single ld4_h_single_post load_lane 4;
    st4_h_single st4_h_single_post store_lane 4;
}
words! {
    ld1_s_single ld1_s_single_post load_lane 1;
    st1_s_single st1_s_single_post store_lane 1;
    ld2_s_single ld2_s_single_post load_lane 2;
    st2_s_single st2_s_single_post store_lane 2;
    ld3_s_single ld3_s_single_post load_lane 3;
    st3_s_single st3_s_single_post store_lane 3;
    ld4_s_single ld4_s_single_post load_lane 4;
    st4_s_single st4_s_single_post store_lane 4;
}
doubles! {
    ld1_d_single ld1_d_single_post load_lane 1;
    st1_d_single st1_d_single_post store_lane 1;
    ld2_d_single ld2_d_single_post load_lane 2;
    st2_d_single st2_d_single_post store_lane 2;
    ld3_d_single ld3_d_single_post load_lane 3;
    st3_d_single st3_d_single_post store_lane 3;
    ld4_d_single ld4_d_single_post load_lane 4;
    st4_d_single st4_d_single_post store_lane 4;
}
replicate! { ld1r ld1r_post 1; ld2r ld2r_post 2; ld3r ld3r_post 3; ld4r ld4r_post 4; }
