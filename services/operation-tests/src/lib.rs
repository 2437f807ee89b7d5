//! Tests of what every service promises about its operation: the log, connections, signals, files, restarts, and odd
//! visits of login links. The tests of a service run them with [`operation_tests!`].

#![forbid(unsafe_code)]

pub mod connections;
pub mod log;
mod program;
pub mod reload;
pub mod start;
pub mod visits;

pub use program::Subject;

/// Makes a test of each function for the subject.
#[macro_export]
macro_rules! operation_tests {
    ($subject:expr) => {
        $crate::operation_tests! { $subject;
            connections::slow_heads_do_not_hold_the_operator_up,
            connections::more_connections_than_files_end_nothing,
            connections::half_a_head_does_not_outlive_the_program,
            connections::a_long_head_is_refused,
            log::a_log_that_cannot_be_written_delays_no_answer,
            log::a_log_that_nobody_reads_delays_no_answer,
            log::a_log_that_nobody_reads_does_not_outlive_the_program,
            log::mistakes_of_senders_are_in_the_log,
            log::repeated_refusals_are_summed_up,
            reload::a_hangup_without_files_ends_nothing,
            reload::a_hangup_reads_files_anew_or_changes_nothing,
            start::an_address_in_use_is_named_with_its_option,
            start::a_restart_loses_no_request,
            start::a_one_time_link_does_not_work_again_after_a_restart,
            start::the_version_is_printed,
            visits::odd_visits_are_answered_as_the_library_does,
        }
    };
    ($subject:expr; $($module:ident::$test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                $crate::$module::$test(&$subject);
            }
        )*
    };
}
