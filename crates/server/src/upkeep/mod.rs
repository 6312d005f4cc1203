//! Upkeep: nothing stays stuck. Expires what is due and sweeps what a row has given up.
