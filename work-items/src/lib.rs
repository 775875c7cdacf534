//! What is proposed: lifecycle, type and risk, with the reason for each.
