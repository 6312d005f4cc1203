//! Signature service: who may upload what, said in a signature.
