-- The events of a session with what a timeline says about them.
SELECT $time_us AS _at_us, $event, $url, $status, $duration_ms, $component, $request_url, $method,
    $http_status, $message, $error, $level, $element, $xpath, $device, $browser, $country, $lcp,
    $cls, $inp, $fid, $longtask, $scope, $trace
FROM $table
WHERE $session = {session:String} AND $in_time
ORDER BY _at_us, $order
LIMIT {limit:UInt64}
