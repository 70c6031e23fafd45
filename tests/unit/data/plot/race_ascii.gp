set terminal dumb nofeed size 80,24 noenhanced
set encoding utf8
$data1 << EOD
-1.5 2
-1 1
0.5 0.25
EOD
$data2 << EOD
-1.5 2
0 0
1 1
EOD
$data0 << EOD
0 -2 -0.666666667 0.666666667 2
-1 2509 211.419753 208.753086 2501
0.333333333 1353.44444 4.01234568 1.34567901 1345.44444
1.66666667 553.444444 152.160494 149.493827 545.444444
3 109 655.864198 653.197531 101
EOD
set contour base
unset surface
set cntrparam levels discrete 200,400,600,800,1000,1200,1400,1600,1800,2000,2200,2400
set table $levels0
splot $data0 nonuniform matrix with lines
unset table
unset contour
set surface
set xrange [-2:2]
set yrange [-1:3]
set border 3 front lw 1 lc rgb '#6e7781'
set xtics nomirror out scale 0.6 ('-2' -2, '-1' -1, '0' 0, '1' 1, '2' 2) textcolor rgb '#24292f'
set ytics nomirror out scale 0.6 ('-1' -1, '0' 0, '1' 1, '2' 2, '3' 3) textcolor rgb '#24292f'
set grid xtics ytics back lt 1 lw 0.6 lc rgb '#d8dde3'
unset colorbox
set key outside right top vertical Left reverse noenhanced samplen 2 width 1 spacing 1.15 textcolor rgb '#24292f'
plot $levels0 using 1:2 with lines lw 0.467 lc rgb '#8496aa' notitle, \
    $data1 using 1:2 with lines lw 1.17 lc rgb '#0072b2' title 'SGD', \
    $data2 using 1:2 with lines lw 1.17 lc rgb '#d55e00' title 'Adam', \
    $data1 using 1:2 every ::0::0 with points pt 7 ps 0.35 lc rgb '#0072b2' notitle, \
    $data1 using 1:2 every ::2::2 with points pt 7 ps 0.7 lc rgb '#0072b2' notitle, \
    $data2 using 1:2 every ::0::0 with points pt 7 ps 0.35 lc rgb '#d55e00' notitle, \
    $data2 using 1:2 every ::2::2 with points pt 7 ps 0.7 lc rgb '#d55e00' notitle
