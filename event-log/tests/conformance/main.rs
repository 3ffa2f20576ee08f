//! What does every log promise? One list of cases, each played on one nats-server (`r1`), on a cluster of three (`r3`),
//! and on the log in memory (`fake`).
//!
//! A case takes a `Rig`: a log, and what can be done to what it stands on. Cases on a shared rig look only at what they
//! wrote; what is killed or frozen is the case's own.

mod away;
mod batches;
mod canary;
mod client;
mod conditions;
mod facts;
mod following;
mod ids;
mod leader;
mod making;
mod raw;
mod repeating;
mod rig;
mod writing;

/// Cases as tests of the module they stand in, each on a rig.
macro_rules! tests {
    ($rig:ident: $($module:ident on $whose:ident { $($case:ident)+ })+) => {$($(
        #[tokio::test]
        async fn $case() {
            crate::$module::$case(crate::rig::Rig::$rig(crate::rig::Whose::$whose).await).await;
        }
    )+)+};
}

/// What every log promises, whatever it stands on.
macro_rules! every_log {
    ($rig:ident) => {
        tests! { $rig:
            writing on Shared {
                an_append_happens_under_its_condition_only
                a_unit_is_stored_whole_or_not_at_all
                what_waits_is_stored_once_each_and_answered_with_its_own_place
                of_many_renames_at_once_one_wins_and_the_others_hear_it
                what_one_member_says_at_once_is_stored_at_once
                who_waits_beside_a_conflict_is_stored_all_the_same
                what_was_handed_in_first_is_stored_first
                what_does_not_fit_a_batch_is_not_overtaken_by_what_was_handed_in_later
                what_was_stored_is_read_from_the_leader_at_once_and_from_anywhere_soon
            }
            repeating on Shared {
                a_repeat_is_answered_with_the_original_place
                a_repeat_is_known_though_its_own_tip_has_moved
                a_repeat_is_known_though_its_author_s_tip_has_moved
                a_repeat_of_several_events_is_answered_with_the_first_one_s_place
                an_id_is_known_whatever_subject_it_comes_with
                of_many_repeats_at_once_one_is_stored
            }
            following on Own {
                a_follower_hears_all_in_order_from_where_it_was
                a_follower_outlives_restarts_without_hole_or_repeat
                another_log_is_not_followed
            }
            away on Own {
                a_frozen_server_leaves_no_doubt_once_it_thaws
                a_server_that_is_away_stores_nothing_and_says_so
                with_the_server_away_each_append_is_answered_in_time_and_truly
                of_four_thousand_appends_to_a_dead_server_each_is_answered_in_time
                what_was_never_sent_to_a_frozen_server_is_not_stored_and_the_rest_is_resolved_by_sending_it_again
            }
        }
    };
}

/// What needs servers: their processes, their streams, their operator. A fake has none.
macro_rules! every_server {
    ($rig:ident) => {
        tests! { $rig:
            ids on Shared {
                a_single_sent_again_after_its_tip_moved_is_refused_on_one_server_and_known_on_three
                a_batch_of_one_sent_again_is_known_wherever_its_tip_is
                one_known_id_refuses_a_batch_whole
                an_id_is_known_on_any_subject_and_with_any_body
                an_id_sought_under_the_tip_is_answered_with_its_place
            }
            batches on Shared {
                what_is_said_under_one_condition_shares_a_batch_also_with_what_ends_it
                what_looks_at_a_subject_that_the_batch_has_written_is_refused
                an_id_twice_in_a_batch_is_refused
                a_rollup_is_the_first_of_a_batch_on_its_subject
                one_bad_condition_refuses_a_batch_whole_and_its_ids_stay_free
                a_batch_has_a_thousand_messages_at_most
            }
            batches on Own {
                fifty_open_batches_hold_up_the_batches_and_nothing_else
            }
            leader on Own {
                a_batch_is_stored_whole_or_not_at_all_when_the_leader_dies_in_its_middle
            }
            conditions on Shared {
                on_three_servers_two_that_look_at_one_subject_are_not_taken_at_once
                the_leader_is_never_behind
                a_literal_condition_always_holds_and_on_three_servers_one_with_a_wildcard_does_not
            }
            following on Own {
                a_log_that_was_swapped_underneath_is_noticed_at_the_next_reconnect
                a_chat_that_lost_its_beginning_is_not_followed_from_the_beginning
            }
            client on Own {
                a_client_that_takes_nothing_more_holds_nobody_up
                what_was_not_sent_to_a_server_that_is_away_is_not_stored_when_it_is_back
            }
            canary on Own {
                a_real_append_is_proof_and_without_one_the_canary_is_appended
                a_log_that_stores_nothing_is_not_ready
                a_writer_that_ended_is_noticed
            }
            making on Own {
                migrating_twice_changes_nothing
                what_could_lose_messages_is_named_and_nothing_is_changed
                what_loses_nothing_is_mended
                an_epoch_begins_on_an_empty_stream_only
            }
        }
    };
}

mod r1 {
    every_log!(r1);
    every_server!(r1);
}

mod r3 {
    every_log!(r3);
    every_server!(r3);

    // Of one server nothing is left to go on.
    tests! { r3:
        leader on Own {
            appends_go_on_after_the_leader_s_death_none_is_lost_and_none_stands_twice
            appends_go_on_beside_a_frozen_leader_none_is_lost_and_none_stands_twice
            what_nobody_was_there_to_take_is_never_stored
            a_follower_goes_on_when_the_server_of_its_consumer_dies
        }
    }
}

// In memory: it promises the same.
mod fake {
    every_log!(fake);
}
